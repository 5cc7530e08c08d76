"""What every vocabulary begins with: padding, and the end of a response."""

PAD, END = 0, 1
