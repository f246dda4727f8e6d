-- Run once by the PostgreSQL container, on an empty volume: Dagster's and MLflow's databases beside the app's.
CREATE DATABASE dagster;
CREATE DATABASE mlflow;
