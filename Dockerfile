# One image for everything of ours: Dagster's code location, webserver and daemon, MLflow's server, the HTTP API.
FROM python:3.12-slim

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

USER americano
CMD ["python", "-P", "-m", "americano_assets", "--help"]
