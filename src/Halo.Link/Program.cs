using Halo.Link;
using Halo.Link.Engines.Sqlite.Worker;
using Halo.Link.Installing;

if (Culture.MakeInvariant() is { } lacking)
    return lacking;
if (OperatingSystem.IsWindows() && args is [SetupProgram.Command, ..])
    return await SetupProgram.RunAsync(args, (settings, stop) => LinkUninstall.RunAsync(settings, TimeProvider.System, stop), TimeProvider.System);
return args is [SqliteWorkerProgram.Command, ..]
    ? SqliteWorkerProgram.Run(args)
    : await LinkCommands.RunAsync(args);
