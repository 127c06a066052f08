using System.CommandLine;
using Halo.Cli.Commands;

namespace Halo.Cli;

/// <summary>All commands.</summary>
static class HaloCommandLine
{
    public static RootCommand Root()
    {
        var root = new RootCommand(
            "halo: practices' databases through Halo API. Rows go to standard output, everything else to standard error. Exit codes: 0 done, 1 usage, 2 refused (key, right, not found), 3 the database refused it, 4 not available, safe to repeat, 5 fate unknown, 6 a file here could not be written, 130 ended by Ctrl+C.")
        {
            LoginCommand.Create(), LogoutCommand.Create(), SitesCommand.Create(), QueryCommand.Create(), ExecuteCommand.Create(), ExportCommand.Create(), ShellCommand.Create(),
        };
        foreach (var option in Connection.Options)
            root.Add(option);
        return root;
    }
}
