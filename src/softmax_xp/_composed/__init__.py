"""What is made of several executed formulas: losses and divergences, their reduction, draws."""
