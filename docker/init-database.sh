#!/bin/bash
# The mysql image runs this once, on an empty data directory.
# The image's MYSQL_DATABASE and MYSQL_USER won't do: they set another collation and grant ALL on the database.
#
# The rights of the service's user, on its own database only:
#   SELECT, INSERT, UPDATE, DELETE             for its work
#   CREATE, ALTER, DROP, INDEX, REFERENCES     for its migrations, which it runs when it starts
set -eo pipefail

MYSQL_PWD=$MYSQL_ROOT_PASSWORD mysql --protocol=socket --user=root <<SQL
CREATE DATABASE ipdr CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE USER ipdr IDENTIFIED BY '$(cat /run/secrets/ipdr-password)';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES ON ipdr.* TO ipdr;
SQL
