# SPDX-License-Identifier: Apache-2.0
"""The services of the cloud: MariaDB, RabbitMQ and OpenStack's programs.

``settings``  the configuration of each, as sections of options
``servers``   MariaDB and RabbitMQ
``web``       WSGI applications under gunicorn
``catalog``   users, endpoints, flavour, network, volume type
``control``   all of it, in order
"""
