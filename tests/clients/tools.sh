# Kafka's own command line tools, most of them in one JVM: what the suites of tools share. Sourced after env.sh, never run.
# What ends its process itself, or must run beside others, gets its own JVM (`java_run`, or $JAVA where its id is wanted).
JAVA="java $JVM -cp $KAFKA_LIBS/*:$CACHE/java" # without java_run, so that the process id is the JVM's own
P=org.apache.kafka.tools

# tools_start DIR: the JVM (java/Tools.java says how it works); its files are in DIR.
tools_start() {
  TOOLS_DIR=$1
  java_build
  mkfifo "$TOOLS_DIR/commands" "$TOOLS_DIR/codes"
  $JAVA Tools <"$TOOLS_DIR/commands" >"$TOOLS_DIR/codes" 2>"$TOOLS_DIR/tools.log" &
  TOOLS_PID=$!
  exec 7>"$TOOLS_DIR/commands" 8<"$TOOLS_DIR/codes"
}
tools_stop() { exec 7>&-; [ -z "${TOOLS_PID:-}" ] || kill "$TOOLS_PID" 2>/dev/null || true; }

# tool CLASS ARGS...: a tool, its output and its exit code. TOOL_IN is the file of its standard input.
tool() {
  local code IFS=$'\t'
  echo "${TOOL_IN:-/dev/null}	$TOOLS_DIR/tool.out	$TOOLS_DIR/tool.err	$*" >&7
  read -r -t 90 -u 8 code || { echo "the tool did not end: $1"; return 99; }
  cat "$TOOLS_DIR/tool.out"
  cat "$TOOLS_DIR/tool.err" >&2
  return "$code"
}

# passes/refused NAME PATTERN COMMAND...: a command that ends well or badly (by its exit code), and says a line like PATTERN.
passes() { local name=$1 pattern=$2 text rc=0; shift 2; text=$("$@" 2>&1) || rc=$?; if [ $rc = 0 ]; then has "$name" "$text" "$pattern"; else not_ok "$name" "exit code $rc: $text"; fi; }
refused() { local name=$1 pattern=$2 text rc=0; shift 2; text=$("$@" 2>&1) || rc=$?; if [ $rc = 1 ]; then has "$name" "$text" "$pattern"; else not_ok "$name" "exit code $rc, not 1: $text"; fi; }
# A table without the width of its columns.
table() { sed -E '/^ *$/d; s/ +/ /g; s/^ //; s/ $//'; }
anonymous() { sed -E 's/TopicId: [A-Za-z0-9_-]{22}/TopicId: ID/'; }
