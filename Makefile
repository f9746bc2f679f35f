# 防贫 Fangpin: every command of the README. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
UV := UV_SYSTEM_CERTS=1 UV_LINK_MODE=copy UV_NO_CONFIG=1 VIRTUAL_ENV=$(abspath $(VENV)) $(VENV)/bin/uv
COMPILE := $(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate

COUNTY ?= jinsha
HOUSEHOLDS ?= 25000
PORT ?= 8000
SERVE ?= 1
DIR ?=
OUT ?= var/backtest
SITE ?= $(DEMO)

export OMP_NUM_THREADS ?= 2
# Threads that wait for one another sleep instead of spinning: on busy cores LightGBM is otherwise many times slower.
export OMP_WAIT_POLICY ?= passive

# Without kept bytecode every command compiles all that it imports anew, which takes longer than most commands.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup setup-dev demo test reliability check format backtest bench bench-serving killing notebooks screenshots docs lock clean

help: ## 列出全部命令 list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

setup: $(VENV)/.demo ## 安装演示与训练所需 install what the demo needs
setup-dev: $(VENV)/.dev ## 安装测试与检查所需 install what the tests and checks need

# The virtual environment, and uv in it: pip alone takes minutes for the same lock.
$(VENV)/.bootstrap: requirements/bootstrap.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed 需要 Python 3.11 及以上，当前为 " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@if [ ! -x $(PY) ]; then \
	  echo "==> 创建虚拟环境 virtual environment $(VENV)"; \
	  $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	    if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	      apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends python3-venv >/dev/null && $(PYTHON) -m venv $(VENV); \
	    else echo "python3-venv is missing 缺少 python3-venv; run 请运行: sudo apt-get install -y python3-venv" >&2; exit 1; fi; }; \
	fi
	@$(PY) -m pip install -q --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@touch $@

# LightGBM needs the OpenMP runtime, which a bare Debian lacks.
$(VENV)/.openmp: | $(VENV)/.bootstrap
	@if ! $(PY) -c 'import ctypes; ctypes.CDLL("libgomp.so.1")' 2>/dev/null; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "==> 安装 OpenMP 运行库 OpenMP runtime libgomp1"; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends libgomp1 >/dev/null; \
	  elif [ "$$(uname -s)" = Linux ]; then \
	    echo "The OpenMP runtime is missing 缺少 OpenMP 运行库; run 请运行: sudo apt-get install -y libgomp1" >&2; exit 1; \
	  fi; \
	fi
	@touch $@

# Only what the hashed locks name is installed; the project itself is linked, not copied.
define install
	@echo "==> 安装依赖 installing $(1)"
	@$(UV) pip install -q --require-hashes -r $(1)
	@$(UV) pip install -q --no-deps --no-build-isolation -e .
	@touch $@
endef

$(VENV)/.demo: requirements/train.txt pyproject.toml $(VENV)/.bootstrap | $(VENV)/.openmp
	$(call install,requirements/train.txt)

$(VENV)/.dev: requirements/dev.txt pyproject.toml $(VENV)/.bootstrap | $(VENV)/.openmp
	$(call install,requirements/dev.txt)

# Jupyter would ask whether it may fetch news and look for updates; nothing here calls outward.
LAB_SETTINGS := $(VENV)/share/jupyter/lab/settings/overrides.json
$(VENV)/.notebooks: requirements/notebooks.txt pyproject.toml $(VENV)/.bootstrap | $(VENV)/.openmp
	$(call install,requirements/notebooks.txt)
	@mkdir -p $(dir $(LAB_SETTINGS)) && echo '{"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": false}}' > $(LAB_SETTINGS)

lock: $(VENV)/.bootstrap ## 重新生成锁定文件 compile the hashed locks anew
	@$(COMPILE) --extra train --extra build --extra dev pyproject.toml -o requirements/dev.txt
	@$(COMPILE) --extra train --extra build -c requirements/dev.txt pyproject.toml -o requirements/train.txt
	@$(COMPILE) --extra train --extra build --extra notebooks -c requirements/dev.txt pyproject.toml -o requirements/notebooks.txt
	@$(COMPILE) -c requirements/dev.txt pyproject.toml -o requirements/serve.txt
	@$(COMPILE) requirements/bootstrap.in -o requirements/bootstrap.txt

# The demonstration keeps to itself: its own database, key and models, a folder for each county and size. What is there is used again.
DEMO := var/demo/$(COUNTY)-$(HOUSEHOLDS)
DEMO_SETTINGS := FANGPIN_DEMO=1 FANGPIN_DATABASE_URL=sqlite:///$(DEMO)/fangpin.db FANGPIN_BUNDLE_DIR=$(DEMO)/bundles \
  FANGPIN_PSEUDONYM_KEY=$(DEMO)/pseudonym.key FANGPIN_UPLOADS_DIR=$(DEMO)/uploads FANGPIN_AUDIT_DIR=$(DEMO)/audit \
  FANGPIN_REGIONS=$(DEMO)/regions.csv
DEMO_HOME := --home $(DEMO)

$(DEMO)/.register: | $(VENV)/.demo
	@echo "==> 1/4 生成合成县 synthetic county: $(COUNTY), $(HOUSEHOLDS) 户 households"; rm -rf $(DEMO); mkdir -p $(DEMO)
	@SECONDS=0; $(PY) -m training synth --county $(COUNTY) --households $(HOUSEHOLDS) --from 2016 --to 2024 --seed 1 --out $(DEMO)/register; \
	  echo "    $$SECONDS 秒 s"; touch $@

$(DEMO)/regions.csv: $(DEMO)/.register
	@$(PY) -m training.synth names --county $(COUNTY) --out $@ >/dev/null

$(DEMO)/.model: $(DEMO)/.register
	@echo "==> 2/4 训练并启用模型 train and promote a model"
	@SECONDS=0; $(PY) -m training train --register $(DEMO)/register --step 6 --no-town $(DEMO_HOME); \
	  $(PY) -m training promote $(DEMO_HOME); echo "    $$SECONDS 秒 s"; touch $@

# A list that an earlier programme or policy made is brought up to date and made anew; what has not changed is found there and takes no time.
$(DEMO)/.list: $(DEMO)/.model service/storage/list_writer.py $(wildcard service/storage/migrations/versions/*.py) $(wildcard features/policy/*.yaml features/policy/*/*.yaml) | $(DEMO)/regions.csv
	@echo "==> 3/4 导入登记册 import the register"
	@SECONDS=0; $(DEMO_SETTINGS) $(PY) -m service migrate --yes >/dev/null; $(DEMO_SETTINGS) $(PY) -m service import $(DEMO)/register --mode replace; echo "    $$SECONDS 秒 s"
	@echo "==> 4/4 评分 score"
	@SECONDS=0; $(DEMO_SETTINGS) $(PY) -m service score; echo "    $$SECONDS 秒 s"; touch $@

demo: $(DEMO)/.list ## 合成县演示：生成、训练、评分、启动 synthetic county, model, list, server (COUNTY=jinsha|zhenan|teng|jian|mizhi HOUSEHOLDS= PORT= SERVE=0)
ifeq ($(SERVE),0)
	@echo "已就绪，启动请运行 prepared; to serve: make demo COUNTY=$(COUNTY) HOUSEHOLDS=$(HOUSEHOLDS) PORT=$(PORT)"
else
	@$(DEMO_SETTINGS) exec $(PY) -m service serve --port $(PORT) --demo-file var/demo.json
endif

backtest: $(if $(DIR),$(VENV)/.demo,$(DEMO)/.register) ## 回测：合成县；DIR= 则为真实面板 back-test on the synthetic county, or on INDEC's files with DIR=folder (MEDIANS= OUT=)
ifeq ($(DIR),)
	@$(PY) -m training backtest county --register $(DEMO)/register $(DEMO_HOME) --out $(OUT)-$(COUNTY) $(ARGS)
else
	@$(PY) -m training backtest eph $(DIR) --train-until 2008Q4 --test-from 2010Q1 $(if $(MEDIANS),--medians $(MEDIANS)) --out $(OUT)
endif

# A notebook is made from its script where the script is newer; what was changed in it by hand is kept beside it.
notebooks/%.ipynb: notebooks/%.py | $(VENV)/.notebooks
	@if [ -e $@ ]; then mv $@ $@.before && echo "    旧的留作 the old one is kept as $@.before"; fi
	@$(PY) -m jupytext --quiet --to ipynb --set-kernel python3 --output $@ $<

notebooks: $(VENV)/.notebooks $(patsubst %.py,%.ipynb,$(wildcard notebooks/0*.py)) $(if $(REGISTER),,$(DEMO)/.model) ## 打开笔记本 open the notebooks (REGISTER=folder of a register, HOME_DIR= its runs, PANEL=folder of INDEC's files)
	@cd notebooks && FANGPIN_REGISTER=$(abspath $(or $(REGISTER),$(DEMO)/register)) FANGPIN_HOME=$(abspath $(or $(HOME_DIR),$(if $(REGISTER),var,$(DEMO)))) \
	  $(if $(PANEL),FANGPIN_PANEL=$(abspath $(PANEL))) exec $(abspath $(PY)) -m jupyter lab --ip 127.0.0.1 --notebook-dir . \
	  --LabApp.extension_manager=readonly $(ARGS)

bench: setup-dev ## 速度测量 measure the speed
	@OMP_NUM_THREADS=2 $(PY) -m tests.bench.measure $(ARGS)

bench-serving: setup-dev ## 服务速度测量 measure the service: make bench-serving SITE=var/demo/jinsha-25000
	@OMP_NUM_THREADS=2 $(PY) -m tests.bench.serving --site $(SITE) $(ARGS)

screenshots: setup-dev $(DEMO)/.list ## 为说明文档截图 take the README's pictures of the demonstration county
	@$(DEMO_SETTINGS) $(PY) -m tests.browser.screenshots docs/images

killing: setup-dev ## 中断检验 kill the service at random points: make killing KILLS=200 ARGS="--database postgresql"
	@OMP_NUM_THREADS=1 $(PY) -m tests.bench.killing --kills $(or $(KILLS),200) $(ARGS)

docs: setup-dev ## 重新生成文档 render the generated docs
	@$(PY) -m features dictionary
	@$(PY) -m features policy
	@FANGPIN_WRITE_DOCS=1 $(PY) -m pytest -q -p no:cacheprovider tests/service/api/test_examples.py -k "not postgresql"

test: setup-dev ## 全部测试 run all tests
	@OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --dist loadfile -q $(ARGS)

reliability: setup-dev ## 长时间随机请求检验 send many random requests to every route (EXAMPLES=)
	@FANGPIN_EXAMPLES=$(or $(EXAMPLES),500) OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 -q tests/service/api/test_reliability.py $(ARGS)

check: setup-dev ## 格式、规范、类型、导入规则 format, lint, strict types, import rule
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports

format: setup-dev ## 自动格式化 format the code
	@$(VENV)/bin/ruff format . && $(VENV)/bin/ruff check --fix .

# What commands make and can make again; a county's own database, key and models under var/ are never touched.
RUBBISH := .venv var/demo var/demo.json .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .benchmarks .coverage build dist

clean: ## 清除可重新生成的文件，先列出再询问（YES=1 不问） remove what can be made again: lists, then asks (YES=1 does not ask)
	@found="$$(ls -d $(RUBBISH) 2>/dev/null || true; find features models training service tests -name __pycache__ -prune 2>/dev/null)"; \
	if [ -z "$$found" ]; then echo "没有可清除的 nothing to remove"; exit 0; fi; \
	echo "$$found"; answer="$(YES)"; \
	if [ "$$answer" != 1 ]; then read -r -p "以上将被删除，确认？ remove these? [y/N] " answer || answer=n; fi; \
	case "$$answer" in 1|y|Y) echo "$$found" | tr '\n' '\0' | xargs -0 rm -rf; echo "已清除 removed" ;; *) echo "未改动 nothing was changed" ;; esac
