# The service alone: what serving needs, nothing of training. Everything that changes lies in the volume var/; the rest may be read-only.
#   docker build -t fangpin . && docker run --read-only --tmpfs /tmp -p 8000:8000 -v fangpin-var:/srv/fangpin/var fangpin
# docs/deploy.md says how a key, a model and a register come in.
FROM python:3.11-slim-bookworm

RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends libgomp1 \
 && rm -rf /var/lib/apt/lists/*

WORKDIR /srv/fangpin
COPY requirements/serve.txt requirements/serve.txt
RUN python3 -m venv /opt/venv \
 && /opt/venv/bin/python -m pip install -q --no-cache-dir --no-compile --disable-pip-version-check --require-hashes -r requirements/serve.txt \
 && /opt/venv/bin/python -m pip uninstall -q -y setuptools pip

COPY features features
COPY models models
COPY service service
# What the service loads at its start is compiled now: in a read-only system it could not be kept later. The rest is compiled when it is needed.
RUN useradd --system --no-create-home fangpin && mkdir var && chown fangpin var \
 && FANGPIN_DATABASE_URL=sqlite:// /opt/venv/bin/python -c "import runpy, sys; sys.argv[1:] = ['serve', '--help']; runpy.run_module('service', run_name='__main__')" >/dev/null \
 && FANGPIN_DATABASE_URL=sqlite:// /opt/venv/bin/python -c "import service.app"

ENV PATH=/opt/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 OMP_WAIT_POLICY=passive
USER fangpin
VOLUME /srv/fangpin/var
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["python", "-m", "service", "serve", "--host", "0.0.0.0"]
