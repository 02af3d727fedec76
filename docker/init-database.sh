#!/bin/bash
# The mysql image runs this once, on an empty data directory.
# Not its MYSQL_DATABASE and MYSQL_USER: those give another collation, and ALL on the database.
#
# What the service's user may do, on its own database only:
#   SELECT, INSERT, UPDATE, DELETE             its work
#   CREATE, ALTER, DROP, INDEX, REFERENCES     its migrations, which it runs itself at its start
set -eo pipefail

MYSQL_PWD=$MYSQL_ROOT_PASSWORD mysql --protocol=socket --user=root <<SQL
CREATE DATABASE ipdr CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE USER ipdr IDENTIFIED BY '$(cat /run/secrets/ipdr-password)';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES ON ipdr.* TO ipdr;
SQL
