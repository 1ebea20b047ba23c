# One image for every process of kmsconsole (docs/operating.md). Not built where it is
# developed: its syntax is checked, and the commands it starts are tested without it.

FROM python:3.11-slim-bookworm AS packages
WORKDIR /opt/kmsconsole
RUN python -m venv .venv
COPY requirements.lock .
# Every file is compared with the hash in the lock; nothing is compiled here.
RUN .venv/bin/pip install --no-cache-dir --disable-pip-version-check \
    --require-hashes --only-binary :all: -r requirements.lock
COPY manage.py ./
COPY kmsconsole kmsconsole
COPY keys keys
COPY accessctl accessctl
COPY templates templates
COPY static static
RUN .venv/bin/python -m compileall -q kmsconsole keys accessctl

FROM python:3.11-slim-bookworm
RUN apt-get update \
    && apt-get install -y --no-install-recommends softhsm2 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 10001 kmsconsole \
    && useradd --system --uid 10001 --gid kmsconsole --no-create-home \
        --home-dir /var/lib/kmsconsole --shell /usr/sbin/nologin kmsconsole \
    && install -d -o kmsconsole -g kmsconsole -m 0700 /var/lib/kmsconsole
# Owned by root: the service can't change its own code.
COPY --from=packages /opt/kmsconsole /opt/kmsconsole
WORKDIR /opt/kmsconsole
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    KMS_HOME=/var/lib/kmsconsole
USER 10001:10001
# The only place that is written to, so that everything else may be read-only.
VOLUME /var/lib/kmsconsole
EXPOSE 8000
STOPSIGNAL SIGTERM
ENTRYPOINT [".venv/bin/python", "manage.py"]
CMD ["run", "web"]
