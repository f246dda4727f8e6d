"""Foresees which learning objectives a student will struggle with, acts in time, and measures whether it helped."""
