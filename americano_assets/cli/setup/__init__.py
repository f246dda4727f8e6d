"""Commands that come before the first night: the app's tables, the settings, what is in the way."""
