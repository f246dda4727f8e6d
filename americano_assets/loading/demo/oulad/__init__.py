"""The demo on real students: the Open University Learning Analytics Dataset."""
