using System.Runtime.InteropServices;
using Halo.Soak;

if (SoakOptions.Read(args) is not { } options)
{
    Console.Error.WriteLine(SoakOptions.Usage);
    return 1;
}
using var stop = new CancellationTokenSource();
// Asked to stop, it ends its round, judges it and takes everything away.
void OnSignal(PosixSignalContext context)
{
    context.Cancel = true;
    stop.Cancel();
}
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
return await SoakRun.RunAsync(options, stop.Token) ? 0 : 1;
