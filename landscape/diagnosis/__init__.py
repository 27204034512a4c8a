"""Will meta-learning pay on these tasks?

Data flows in this order:

    diagnose         the question, with its arguments checked
    single_tasks     the tasks' losses and objectives as forms with a leading task axis
    held_out         losses on tasks that took no part in training
    intervals        how sure they are;  geography  which tasks are hard, and where they lie
    verdict          the answer in words
    diagnosis        what is handed back: tables, words, pages;  plots, report  its pictures and its page
"""
