"""The service's queries, and those of other packages that it asks too."""

from americano_assets.resources.postgres import sql as of_the_server
from americano_assets.resources.sql_files import queries
from americano_assets.stages.s6_publication import sql as of_publication

query = queries(__file__, of_the_server.__file__, of_publication.__file__)
