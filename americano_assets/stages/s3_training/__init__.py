"""The training set, the models fitted on it, and which of them is champion."""
