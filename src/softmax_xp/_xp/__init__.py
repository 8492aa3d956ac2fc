"""What the libraries are: which one an array belongs to, their types, and the few operations that the standard lacks.

Every branch on a library that a formula would need stands here.
"""
