#!/bin/sh
# Base images from Debian's packages, for a machine with a container engine but no registry of images within reach:
# python-base and postgres-base, with Debian's own versions of both. Needs root, debootstrap and Debian's mirror.
# The machine's certificates and pip's settings go into the first, so that a build reaches what the machine reaches.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

debootstrap --variant=minbase --include=python3,python3-pip,python3-venv,ca-certificates bookworm "$folder/python"
rm -f "$folder"/python/usr/lib/python3*/EXTERNALLY-MANAGED
ln -s python3 "$folder/python/usr/bin/python"
cp -L /etc/ssl/certs/ca-certificates.crt "$folder/python/etc/ssl/certs/"
[ ! -e /etc/pip.conf ] || cp /etc/pip.conf "$folder/python/etc/"
tar -C "$folder/python" -c . | docker import - python-base

debootstrap --variant=minbase --include=postgresql bookworm "$folder/postgres"
tar -C "$folder/postgres" -c . | docker import - postgres-files
mkdir "$folder/build"
# As PostgreSQL's own image does: an empty volume gets a server with the password, and then the scripts.
cat >"$folder/build/start-postgres" <<'END'
#!/bin/sh
set -eu
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    printf %s "$POSTGRES_PASSWORD" >/tmp/password
    initdb --username=postgres --pwfile=/tmp/password --auth-host=scram-sha-256 --auth-local=trust --encoding=UTF8
    rm /tmp/password
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
    pg_ctl --wait --options='-c listen_addresses=' start
    find /docker-entrypoint-initdb.d -name '*.sql' -exec psql --username=postgres --set=ON_ERROR_STOP=1 --file={} ';'
    pg_ctl --wait stop
fi
exec postgres -c listen_addresses='*'
END
chmod +x "$folder/build/start-postgres"
cat >"$folder/build/Dockerfile" <<'END'
FROM postgres-files
COPY start-postgres /usr/local/bin/
ENV PGDATA=/var/lib/postgresql/data LANG=C.UTF-8
RUN mkdir -p /var/lib/postgresql/data /docker-entrypoint-initdb.d && chown postgres: /var/lib/postgresql/data /var/run/postgresql
VOLUME /var/lib/postgresql/data
STOPSIGNAL SIGINT
ENTRYPOINT ["start-postgres"]
END
docker build --tag postgres-base "$folder/build"
echo 'export PYTHON_IMAGE=python-base POSTGRES_IMAGE=postgres-base'
