// Runs Kafka's own command line tools, unmodified, one after another in one process, because a JVM's start costs more than most of
// their work. Each tool gets fresh classes (so none sees another's static fields), its own standard input, output and error, and the
// exit that Kafka's tools take through `Exit` ends the tool instead of the process.
//
// Standard input has a line a command, its fields separated by tabs: input file, output file, error file, class, arguments.
// Standard output has the exit code of each, a line each. A tool that calls System.exit itself cannot be run here.
import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.kafka.common.utils.Exit;

public class Tools {
    // Where a tool's output goes: some hold on to the System.out they saw first, so that stream stays and its target changes.
    static final class Switch extends OutputStream {
        volatile OutputStream target;
        Switch(OutputStream target) { this.target = target; }
        @Override public void write(int b) throws IOException { target.write(b); }
        @Override public void write(byte[] b, int off, int len) throws IOException { target.write(b, off, len); }
        @Override public void flush() throws IOException { target.flush(); }
    }

    static final class Exited extends Error {
        final int code;
        Exited(int code) { super("exit " + code, null, false, false); this.code = code; }
    }

    // Loads the tools' classes itself and leaves all others to the parent.
    static final class Fresh extends URLClassLoader {
        Fresh(URL[] jars) { super(jars, Tools.class.getClassLoader()); }
        @Override protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            if (!name.startsWith("org.apache.kafka.tools.") && !name.startsWith("kafka.admin.")) return super.loadClass(name, resolve);
            synchronized (getClassLoadingLock(name)) {
                Class<?> c = findLoadedClass(name);
                return c != null ? c : findClass(name);
            }
        }
    }

    static volatile Integer exitCode;
    static final List<Runnable> hooks = new ArrayList<>();

    static int run(URL[] jars, String name, String[] args, Runnable listen) throws Exception {
        exitCode = null;
        hooks.clear();
        int code = 0;
        try (Fresh loader = new Fresh(jars)) {
            try {
                loader.loadClass(name).getMethod("main", String[].class).invoke(null, (Object) args);
            } catch (InvocationTargetException e) {
                if (!(e.getCause() instanceof Exited)) { e.getCause().printStackTrace(); code = 1; }
            }
            listen.run();
            for (Runnable hook : List.copyOf(hooks)) {
                Thread t = new Thread(hook);
                t.setDaemon(true);
                t.start();
                t.join(20_000);
                if (t.isAlive()) { System.err.println("a shutdown hook did not end"); code = 97; }
            }
        }
        return code != 0 || exitCode == null ? code : exitCode;
    }

    public static void main(String[] argv) throws Exception {
        URL[] jars = Arrays.stream(System.getProperty("java.class.path").split(":"))
            .filter(p -> p.endsWith(".jar") && (p.contains("/kafka-tools") || p.contains("/kafka_")))
            .map(p -> { try { return Path.of(p).toUri().toURL(); } catch (IOException e) { throw new RuntimeException(e); } })
            .toArray(URL[]::new);
        PrintStream answers = System.out;
        BufferedReader commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        Switch out = new Switch(OutputStream.nullOutputStream()), err = new Switch(OutputStream.nullOutputStream());
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
        // A tool may catch what ends it, complain and exit again: what comes after the first exit is not the tool's answer.
        Exit.Procedure exit = (code, message) -> {
            synchronized (Tools.class) {
                if (exitCode == null) exitCode = code;
                out.target = err.target = OutputStream.nullOutputStream();
            }
            throw new Exited(code);
        };
        Exit.setExitProcedure(exit);
        Exit.setHaltProcedure(exit);
        Exit.setShutdownHookAdder((name, hook) -> hooks.add(hook));
        for (String line; (line = commands.readLine()) != null; ) {
            String[] f = line.split("\t", -1);
            int code;
            try (InputStream in = new FileInputStream(f[0]); OutputStream o = new FileOutputStream(f[1]); OutputStream e = new FileOutputStream(f[2])) {
                System.setIn(in);
                Runnable listen = () -> { out.target = o; err.target = e; };
                listen.run();
                try {
                    code = run(jars, f[3], Arrays.copyOfRange(f, 4, f.length), listen);
                } catch (Throwable t) {
                    t.printStackTrace();
                    code = 98;
                }
                System.out.flush();
                System.err.flush();
                out.target = OutputStream.nullOutputStream();
                err.target = OutputStream.nullOutputStream();
            }
            answers.println(code);
            answers.flush();
        }
        Runtime.getRuntime().halt(0); // what a tool left running must not hold the suite
    }
}
