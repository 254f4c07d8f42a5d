"""How other apps take part when a customer is erased or exported, without being known here.

``customer_erased``
    Sent with ``user_id``, before the customer's own row goes. Receivers erase what they derived
    from the customer, a part at a time, and yield ``(table, rows erased)`` after each; they must be
    safe to run again, also when they were left after any part.
``customer_exported``
    Sent with ``user_id``. Receivers return ``{table: [row, …]}`` of plain JSON data, all that
    they store about the customer.
"""

from django.dispatch import Signal

customer_erased = Signal()
customer_exported = Signal()
