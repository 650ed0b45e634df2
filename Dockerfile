# syntax=docker/dockerfile:1
# Meritledger as one image: `serve`, `worker`, `migrate`. Runs as nobody in particular, on a root
# file system that may be read-only; PostgreSQL is elsewhere (MERIT_DATABASE_URL).
# Another base needs Python 3.11 with venv: tools/image builds one of Debian's packages alone.
ARG BASE=python:3.11-slim-bookworm
FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
RUN python3 -m venv /opt/merit
COPY requirements.lock pyproject.toml README.md LICENSE ./
# Every wheel is checked against the hash in the lock file. (A company's own index and authority come
# in as secrets and stay in no layer.)
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    --mount=type=secret,id=authority,target=/run/authority.pem \
    /opt/merit/bin/pip download --only-binary :all: --require-hashes -r requirements.lock -d /wheels
COPY src src
COPY ops ops
# Of those, what the product needs, and none of what develops it.
RUN /opt/merit/bin/pip install --no-index --find-links /wheels . \
    && find /opt/merit -name __pycache__ -prune -exec rm -rf {} +

FROM ${BASE}
LABEL org.opencontainers.image.title="Meritledger" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 merit \
    && useradd --uid 10001 --gid merit --no-create-home --shell /usr/sbin/nologin merit
COPY --from=build /opt/merit /opt/merit
ENV PATH=/opt/merit/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    MERIT_HOST=0.0.0.0 MERIT_PORT=8000 MERIT_LOG_FORMAT=json
USER 10001:10001
EXPOSE 8000
# A container that does not answer is restarted; whether it takes requests is for /health/ready.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health/live', timeout=2)"]
ENTRYPOINT ["merit"]
CMD ["serve"]
