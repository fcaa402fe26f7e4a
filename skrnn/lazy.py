"""`cached_property` without a lock.

That of Python 3.11 has a lock for each property of a class: a process that is forked
while another thread computes one waits for it for ever.
"""


class cached_property:
    """A property that is computed once for each object, then kept in its `__dict__`.

    Threads may compute it at once; all of them get the value of the first.
    """

    def __init__(self, function):
        self.function, self.__doc__ = function, function.__doc__

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        value = self.function(instance)
        return instance.__dict__.setdefault(self.name, value)
