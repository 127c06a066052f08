using System.Runtime.Versioning;
using Halo.Link.Updater;
using Halo.Link.Updater.Files;
using Halo.Link.Updater.Service;
using Halo.Link.Updater.Updates;

[assembly: UnsupportedOSPlatform("windows")]

const string Usage = """
    halo-link-updater run [OPTIONS]     finishes what was begun and takes what Halo Link asks for; ends when nothing is left
      --programs DIRECTORY              with the versions (/opt/halo-link)
      --data DIRECTORY                  of Halo Link, where requests come (/var/lib/halo-link)
      --state DIRECTORY                 of its own (/var/lib/halo-link-updater)
      --unit NAME                       of the service (halo-link.service)
      --gate SECONDS                    that a new version has to be as good as the old one (600)
      --settle SECONDS                  that it has to stay so (60)
      --pause SECONDS                   before the first further try where there was no verdict; doubles (600)
      --roots FILE                      root keys in place of those of this build
    halo-link-updater --version
    """;

switch (args)
{
    case ["--version"]:
        Console.WriteLine(ProgramVersion.Own);
        return 0;
    case ["--help"]:
        Console.WriteLine(Usage);
        return 0;
    case ["run", ..] when UpdaterOptions.Parse(args.AsSpan(1)) is { } options:
        return await RunAsync(options);
    default:
        await Console.Error.WriteLineAsync(Usage);
        return 2;
}

static async Task<int> RunAsync(UpdaterOptions options)
{
    try
    {
        var (layout, store) = (new Layout(options.Programs), new StateStore(options.State));
        using var held = store.TryLock();
        if (held is null)
        {
            Journal.Write("Another updater runs; it takes what there is.");
            return 0;
        }
        var (service, agent, folder) = (new ServiceManager(options.Unit, TimeProvider.System), new AgentStatus(options.Data, TimeProvider.System), new AgentFolder(options.Data));
        var intake = new Intake(layout, store, folder, service, agent, options.Roots, TimeProvider.System);
        await new UpdateRun(layout, store, intake, folder, new Watch(service, agent, options, TimeProvider.System), service, agent, TimeProvider.System).RunAsync();
        return 0;
    }
    catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidOperationException or TimeoutException or System.ComponentModel.Win32Exception)
    {
        // The state says where it was: the next start goes on from there.
        Journal.Write($"The updater ends and is started again: {e.Message}");
        return 1;
    }
}
