"""What to do with one's own tasks?

Data flows in this order:

    diagnose         the question, with its arguments checked
    task_sums        the tasks as sums over their rows, with a leading task axis
    learners         what is compared: a method and an adaptation each, and what they cost
    episodes         shots drawn without replacement, and the rows that are left to judge on
    training         where learners end up (empirical_bayes: the mixed model's prior)
    held_out         losses on tasks that took no part in training
    intervals        how sure they are;  geography  which tasks are hard, and where they lie
    verdict          the answer in words
    diagnosis        what is handed back: tables, words, pages;  plots, report  its pictures and its page
"""
