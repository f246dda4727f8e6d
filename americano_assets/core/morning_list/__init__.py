"""The morning list: its order, its cut, and what lists of some length would have reached."""
