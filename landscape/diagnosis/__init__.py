"""Will meta-learning pay on these tasks?"""
