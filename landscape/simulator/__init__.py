"""The same questions answered by drawing data.

Nothing here calls a method's weight or the closed form: a meta-gradient is computed from samples the
way a practitioner would, so that agreement with the theory means something. What is shared are the
drawing of inputs, and the parameters of environments, adaptation, methods and training.
"""
