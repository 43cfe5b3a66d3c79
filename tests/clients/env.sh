# What the client suites share: where things are installed, how a node (ours, or Apache Kafka with ORACLE=1) is started and
# stopped, how a check is counted. Sourced, never run. Only processes started here are ever stopped, each by its own id.
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CACHE=${AIRIS_CACHE:-$ROOT/.cache}
KAFKA_VERSION=4.3.0
KAFKA_LIBS=${KAFKA_LIBS:-$CACHE/kafka-$KAFKA_VERSION}
BROKER=${AIRIS_BROKER:-${CARGO_TARGET_DIR:-$ROOT/target}/debug/airis-broker}
JVM="-Xmx512M -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dlog4j2.configurationFile=$ROOT/tests/clients/log4j2.yaml"
export NODE_PATH=$CACHE/npm/node_modules KAFKA_LIBS

# java_run CLASS ARGS...: a class of Kafka's jars or of ours.
java_run() { java $JVM -cp "$KAFKA_LIBS/*:$CACHE/java" "$@"; }

# java_build: compiles tests/clients/java into the cache when a source is newer than what is there; safe for suites side by side.
java_build() {
  mkdir -p "$CACHE/java"
  (
    flock 9
    [ -z "$(find "$ROOT/tests/clients/java" -name '*.java' -newer "$CACHE/java/built" 2>&1)" ] && exit 0
    javac -nowarn -d "$CACHE/java" -cp "$KAFKA_LIBS/*" "$ROOT"/tests/clients/java/*.java && touch "$CACHE/java/built"
  ) 9>"$CACHE/java.lock"
}

# A port that nothing listens on, from PORT_BASE (default 22500) up.
free_port() {
  local p
  for ((p = ${PORT_BASE:-22500}; p < ${PORT_BASE:-22500} + 400; p++)); do
    [ -e "$CACHE/port.$p" ] && continue
    (exec 3<>/dev/tcp/127.0.0.1/$p) 2>/dev/null && continue
    echo "$p"; return
  done
  return 1
}

# start_node DIR [key=value]...: starts a node with its data in DIR/data; sets BOOTSTRAP and NODE_PID.
start_node() {
  local dir=$1 p n; shift
  mkdir -p "$dir/data"
  {
    echo "node.id=1"
    echo "process.roles=broker,controller"
    echo "log.dirs=$dir/data"
    echo "offsets.topic.replication.factor=1"
    echo "offsets.topic.num.partitions=3"
    echo "transaction.state.log.replication.factor=1"
    echo "transaction.state.log.min.isr=1"
    echo "group.initial.rebalance.delay.ms=0"
    echo "controller.listener.names=CONTROLLER"
    for p in "$@"; do echo "$p"; done
  } >"$dir/server.properties"
  if [ "${ORACLE:-}" = 1 ]; then
    p=$(free_port); n=$((p + 400))
    {
      echo "listeners=PLAINTEXT://127.0.0.1:$p,CONTROLLER://127.0.0.1:$n"
      echo "advertised.listeners=PLAINTEXT://127.0.0.1:$p"
      echo "controller.quorum.voters=1@127.0.0.1:$n"
    } >>"$dir/server.properties"
    [ -e "$dir/data/meta.properties" ] ||
      java_run kafka.tools.StorageTool format -t AAAAAAAAAAAAAAAAAAAAAQ -c "$dir/server.properties" >"$dir/format.log" 2>&1
    # No exec through a function: the process id must be the JVM's own.
    java $JVM -cp "$KAFKA_LIBS/*" kafka.Kafka "$dir/server.properties" >>"$dir/node.log" 2>&1 </dev/null &
    NODE_PID=$!
    BOOTSTRAP=127.0.0.1:$p
    for ((n = 0; n < 600; n++)); do
      (exec 3<>/dev/tcp/127.0.0.1/$p) 2>/dev/null && return 0
      kill -0 "$NODE_PID" 2>/dev/null || break
      sleep 0.1
    done
  else
    echo "listeners=PLAINTEXT://127.0.0.1:0" >>"$dir/server.properties"
    : >"$dir/ready"
    "$BROKER" start "$dir/server.properties" >"$dir/ready" 2>>"$dir/node.log" </dev/null &
    NODE_PID=$!
    for ((n = 0; n < 300; n++)); do
      BOOTSTRAP=$(grep -o '127\.0\.0\.1:[0-9]*' "$dir/ready" | head -1 || true)
      [ -n "$BOOTSTRAP" ] && return 0
      kill -0 "$NODE_PID" 2>/dev/null || break
      sleep 0.1
    done
  fi
  echo "the node did not become ready; the end of its log:" >&2
  tail -20 "$dir/node.log" >&2
  return 1
}

# stop_node [signal]: stops the node of start_node and waits for it; gives its exit code.
stop_node() {
  local n rc=0
  [ -n "${NODE_PID:-}" ] || return 0
  kill "-${1:-TERM}" "$NODE_PID" 2>/dev/null || true
  for ((n = 0; n < 300; n++)); do kill -0 "$NODE_PID" 2>/dev/null || break; sleep 0.1; done
  kill -0 "$NODE_PID" 2>/dev/null && { echo "the node did not stop in 30 s: killed" >&2; kill -KILL "$NODE_PID"; }
  wait "$NODE_PID" 2>/dev/null || rc=$?
  NODE_PID=
  return $rc
}

ok() { echo "ok $1"; }
not_ok() { echo "not ok $1: ${2:-}"; }
# same NAME GOT WANTED: a check that two texts are equal.
same() {
  if [ "$2" = "$3" ]; then ok "$1"; else
    not_ok "$1" "see the difference (< got, > wanted)"
    diff <(echo "$2") <(echo "$3") | head -20 | sed 's/^/    /' || true
  fi
}
# has NAME TEXT PATTERN: a check that TEXT has a line matching the extended regular expression.
has() { if grep -Eq -- "$3" <<<"$2"; then ok "$1"; else not_ok "$1" "no line like /$3/ in:"; head -20 <<<"$2" | sed 's/^/    /'; fi; }
