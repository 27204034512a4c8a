"""Tasks from one's own tables: files and frames in, environments out, with an account of every treatment.

Data flows in this order:

    read             files to tables;  select  the columns asked for
    columns          columns to numbers
    treatments       what is left out or changed before they become tasks
    from_data        all of it, to an environment
"""
