"""A test that cannot fail proves nothing: bugs, each planted by itself, and the tests that see them."""

from americano_assets_tests.planted_bugs import in_features, in_help, in_imports, in_morning_list, in_record

MUTATIONS = (
    *in_features.MUTATIONS,
    *in_record.MUTATIONS,
    *in_help.MUTATIONS,
    *in_morning_list.MUTATIONS,
    *in_imports.MUTATIONS,
)
