using Halo.Link;
using Halo.Link.Engines.Sqlite.Worker;

if (Culture.MakeInvariant() is { } lacking)
    return lacking;
return args is [SqliteWorkerProgram.Command, ..]
    ? SqliteWorkerProgram.Run(args)
    : await LinkCommands.RunAsync(args);
