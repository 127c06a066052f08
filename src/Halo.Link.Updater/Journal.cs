using Halo.Line.Logging;

namespace Halo.Link.Updater;

/// <summary>One line to standard output, which systemd takes into its journal.</summary>
static class Journal
{
    public static void Write(string line) => Console.WriteLine(VisibleText.Of(line));
}
