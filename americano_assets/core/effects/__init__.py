"""Whether help helped: randomised, observational, single cases, before and after."""
