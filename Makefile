# Gatehouse: one Makefile, not recursive. A new source file needs no edit here.
#
#   make [all]            gatehouse-cp, gatehouse-dp, gatectl in build/
#   make MODE=debug|asan|tsan TARGET
#   make unit             unit tests (Check), each program in turn
#   make e2e              end-to-end tests (real binaries, PostgreSQL, Redis)
#   make check            layers, format, unit
#   make deb              Debian packages in build/deb
#   make fuzz bench fmt lint layers docker clean help

MODE ?= release
CC   ?= gcc
B    := build/$(MODE)

PKGS       := libevent_core libevent_pthreads libssl libcrypto libpq hiredis libprotobuf-c nanomsg jansson yaml-0.1 libpcre2-8 libcares libnghttp2 zlib
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS))
PKG_LIBS   := $(shell pkg-config --libs $(PKGS))

OPT_release := -O2 -g -fno-plt -fstack-protector-strong -D_FORTIFY_SOURCE=2
OPT_debug   := -O0 -g3
OPT_asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
OPT_tsan    := -O1 -g -fsanitize=thread -fno-omit-frame-pointer
ifndef OPT_$(MODE)
$(error MODE is release, debug, asan or tsan, not "$(MODE)")
endif

WARN    := -Wall -Wextra -Wformat-security -Wshadow -Wstrict-prototypes -Wvla -Wmissing-prototypes -Wpointer-arith -Wno-unused-parameter
WERROR  := $(if $(CI),-Werror)
CFLAGS  := -std=gnu11 -D_GNU_SOURCE $(OPT_$(MODE)) $(WARN) $(WERROR) -pthread -MMD -MP -I. -I$(B)/gen $(PKG_CFLAGS) $(EXTRA_CFLAGS)
LDFLAGS := $(OPT_$(MODE)) -pthread -Wl,-z,relro,-z,now $(EXTRA_LDFLAGS)
LIBS    := $(PKG_LIBS) -lm

src     = $(sort $(foreach d,$(1),$(wildcard $(d)/*.c $(d)/*/*.c $(d)/*/*/*.c)))
objects = $(patsubst %.c,$(B)/%.o,$(1))

PROTO      := $(patsubst proto/%.proto,$(B)/gen/proto/%.pb-c.c,$(wildcard proto/*.proto))
COMMON_SRC := $(call src,common)
CP_SRC     := $(filter-out cp/main.c cp/cli/%,$(call src,cp))
CLI_SRC    := $(filter-out cp/cli/main.c,$(call src,cp/cli))
DP_SRC     := $(filter-out dp/main.c,$(call src,dp))
LIBCOMMON  := $(B)/libcommon.a
LIBCP      := $(B)/libcp.a
LIBCLI     := $(B)/libcli.a
LIBDP      := $(B)/libdp.a
BINARIES   := gatehouse-cp gatehouse-dp gatectl

SUPPORT_SRC := $(call src,tests/support)
LIBSUPPORT  := $(B)/libsupport.a
UNIT_SRC    := $(shell find tests/unit -name 'test_*.c' 2>/dev/null | sort)
UNIT        := $(patsubst %.c,$(B)/%,$(UNIT_SRC))
FUZZ_SRC    := $(wildcard tests/fuzz/fuzz_*.c)

.PHONY: all unit e2e check fuzz bench fmt fmt-check lint layers docker deb clean help binaries unit-programs
.SECONDARY:
all: $(addprefix build/,$(BINARIES))

# build/NAME is always the release binary; other modes stay in their folder.
build/%: build/release/%
	@ln -sfn release/$* $@
$(addprefix build/release/,$(BINARIES)): | build
build: ; @mkdir -p $@
binaries: $(addprefix $(B)/,$(BINARIES))

$(B)/gatehouse-cp: $(B)/cp/main.o $(LIBCP) $(LIBCOMMON)
$(B)/gatehouse-dp: $(B)/dp/main.o $(LIBDP) $(LIBCOMMON)
$(B)/gatectl: $(B)/cp/cli/main.o $(LIBCLI) $(LIBCP) $(LIBCOMMON)
$(addprefix $(B)/,$(BINARIES)):
	@echo "  link  $@"
	@$(CC) $(LDFLAGS) -rdynamic -o $@ $(filter-out $(LIBCOMMON),$^) -Wl,--whole-archive $(LIBCOMMON) -Wl,--no-whole-archive $(LIBS) -ldl

$(LIBCOMMON): $(call objects,$(COMMON_SRC)) $(PROTO:.c=.o)
$(LIBCP): $(call objects,$(CP_SRC))
$(LIBCLI): $(call objects,$(CLI_SRC))
$(LIBDP): $(call objects,$(DP_SRC))
$(LIBSUPPORT): $(call objects,$(SUPPORT_SRC)) # an archive: a test takes only the helpers it calls
$(B)/lib%.a:
	@rm -f $@ && $(AR) rcs $@ $^

$(B)/gen/proto/%.pb-c.c $(B)/gen/proto/%.pb-c.h &: proto/%.proto
	@mkdir -p $(B)/gen/proto
	@echo "  proto $<"
	@protoc-c --c_out=$(B)/gen $<
$(B)/gen/%.o: $(B)/gen/%.c
	@$(CC) $(CFLAGS) -Wno-shadow -c -o $@ $<
$(B)/%.o: %.c | $(PROTO:.c=.h)
	@mkdir -p $(@D)
	@echo "  cc    $<"
	@$(CC) $(CFLAGS) -c -o $@ $<

# --- tests ---------------------------------------------------------------------------------------------------------
# What is tested is optimised as it is shipped; the tests themselves need not be, and are there in half the time.
build/release/tests/unit/%.o build/release/tests/support/%.o: CFLAGS += -O0 -U_FORTIFY_SOURCE
$(B)/tests/unit/%: $(B)/tests/unit/%.o $(LIBSUPPORT) $(LIBCLI) $(LIBCP) $(LIBDP) $(LIBCOMMON)
	@$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(LIBSUPPORT) $(LIBCLI) $(LIBCP) $(LIBDP) $(LIBCOMMON) -Wl,--end-group $(LIBS) $(shell pkg-config --libs check) -lhttp_parser
unit-programs: $(UNIT)
# Measuring programs, built by name: make build/release/tests/bench/hello_server
$(B)/tests/bench/%: $(B)/tests/bench/%.o $(LIBDP) $(LIBCOMMON)
	@$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
unit: $(UNIT)
	@scripts/run-unit $(UNIT)

e2e: all
	@scripts/run-e2e $(E2E)

check: layers fmt-check unit

# --- tools ---------------------------------------------------------------------------------------------------------
fuzz:
	@scripts/fuzz $(FUZZ)
bench: all
	@scripts/bench $(BENCH)
fmt:
	@git ls-files '*.c' '*.h' | xargs clang-format -i
fmt-check:
	@scripts/check-format
layers:
	@scripts/check-layers
lint:
	@clang --analyze -Xclang -analyzer-output=text -I. -Ibuild/release/gen $(PKG_CFLAGS) $(COMMON_SRC) $(CP_SRC) $(DP_SRC)
docker:
	docker compose build
deb:
	@scripts/make-deb
clean:
	rm -rf build
help:
	@sed -n 's/^#   //p' Makefile

-include $(shell [ -d $(B) ] && find $(B) -name '*.d' 2>/dev/null)
