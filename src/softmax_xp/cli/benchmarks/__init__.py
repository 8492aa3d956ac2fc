"""What ``softmax-xp bench`` measures, and how: cases, contestants, interleaved timing, tables."""
