"""What every other part of the core stands on: arrays, ids, text, the rules that rows must keep."""
