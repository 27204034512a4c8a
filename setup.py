"""What setup.cfg cannot say: packages are found, and `landscape.data` lies in data/."""

from setuptools import find_packages, setup

setup(packages=[*find_packages(include=["landscape", "landscape.*"]), "landscape.data"])
