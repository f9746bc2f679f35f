# The service alone: what serving needs, nothing of training. A model and a register come in through the volume var/.
#   docker build -t fangpin . && docker run -p 8000:8000 -v fangpin-var:/srv/fangpin/var fangpin
FROM python:3.11-slim-bookworm

RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends libgomp1 \
 && rm -rf /var/lib/apt/lists/*

WORKDIR /srv/fangpin
COPY requirements/serve.txt requirements/serve.txt
RUN python3 -m venv /opt/venv \
 && /opt/venv/bin/python -m pip install -q --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/serve.txt

COPY features features
COPY models models
COPY service service
RUN useradd --system --no-create-home fangpin && mkdir var && chown fangpin var

ENV PATH=/opt/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER fangpin
VOLUME /srv/fangpin/var
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["python", "-m", "service", "serve", "--host", "0.0.0.0"]
