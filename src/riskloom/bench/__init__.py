"""`riskloom bench`: what the project promises, measured on this machine beside other libraries.

Each part is a file with one function `measure(sizes, folder, say) -> Part`. The libraries compared with come
from the extra `bench`; where one is missing, its line says so.
"""
