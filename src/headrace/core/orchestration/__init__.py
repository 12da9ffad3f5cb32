"""What happens when a state is proposed for a run: facts in, a verdict out. No IO and no clock."""
