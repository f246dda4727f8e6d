# One image for everything of ours: Dagster's code location, webserver and daemon, MLflow's server, the HTTP API.
ARG PYTHON_IMAGE=python:3.12-slim
FROM ${PYTHON_IMAGE}

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONPATH=/app \
    PIP_NO_CACHE_DIR=1 \
    MLFLOW_DISABLE_TELEMETRY=true \
    AMERICANO_HOME=/data \
    DAGSTER_HOME=/opt/dagster

# Packages first: a change of the code does not install them again.
COPY requirements.lock /tmp/requirements.lock
RUN pip install --no-deps --require-hashes -r /tmp/requirements.lock && rm /tmp/requirements.lock

RUN useradd --create-home --uid 10001 americano && install -d -o americano /data /mlflow "$DAGSTER_HOME"
WORKDIR /app
COPY dagster.yaml /opt/dagster/dagster.yaml
COPY deploy/workspace.yaml ./
COPY americano_assets ./americano_assets
# As in the wheel, where the commands look for it; they have their own home of Dagster.
COPY dagster.yaml ./americano_assets/
RUN printf '#!/bin/sh\nexec python -P -m americano_assets "$@"\n' >/usr/local/bin/americano && chmod +x /usr/local/bin/americano

USER americano
CMD ["americano", "--help"]
