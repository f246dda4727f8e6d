"""`python -m americano_assets` is the `americano` command."""

from americano_assets.cli import main

main()
