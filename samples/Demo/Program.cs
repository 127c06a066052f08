using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Halo.Samples.Demo;
using Spectre.Console;

if (args is not ([] or ["--once"]))
{
    Console.Error.WriteLine("Usage: dotnet run --project samples/Demo [-- --once]    (--once ends after the queries)");
    return 2;
}
var terminal = !Console.IsOutputRedirected;
if (terminal)
    Console.OutputEncoding = Encoding.UTF8;
var console = AnsiConsole.Create(new AnsiConsoleSettings
{
    Ansi = terminal ? AnsiSupport.Detect : AnsiSupport.No,
    ColorSystem = terminal ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
    Interactive = terminal ? InteractionSupport.Detect : InteractionSupport.No,
});
if (!terminal)
    console.Profile.Width = 200;

var show = new Show(console);
using var stopping = new CancellationTokenSource();
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);

var directory = Directory.CreateTempSubdirectory("halo-demo-").FullName;
try
{
    await using var demonstration = new Demonstration(show, directory, new Uri($"http://127.0.0.1:{FreePort()}/"));
    await demonstration.RunAsync(args is ["--once"], stopping.Token);
    return 0;
}
catch (OperationCanceledException) when (stopping.IsCancellationRequested)
{
    show.Note("Stopped.");
    // Asked to end before it could show its answers, --once has not succeeded.
    return args is ["--once"] ? 1 : 0;
}
catch (DemoException e)
{
    show.Fault(e);
    return 1;
}
finally
{
    Directory.Delete(directory, recursive: true);
}

void Stop(PosixSignalContext context)
{
    context.Cancel = true;
    stopping.Cancel();
}

static int FreePort()
{
    using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
    return ((IPEndPoint)socket.LocalEndPoint!).Port;
}
