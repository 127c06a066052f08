using System.Globalization;
using System.Runtime.InteropServices;

namespace Halo.Testing.Processes;

/// <summary>What Linux tells about processes, and tells them.</summary>
public static class Signals
{
    public const int Kill = 9, Continue = 18, Stop = 19;

    /// <summary>False where there is no such process.</summary>
    public static bool Send(int process, int signal) => SendSignal(process, signal) == 0;

    /// <summary>Alive: neither gone nor waiting to be taken away by its parent.</summary>
    public static bool Exists(int process) => Stat(process) is { } stat && stat.State is not ('Z' or 'X');

    /// <summary>Processes that <paramref name="parent"/> started.</summary>
    public static IEnumerable<int> ChildrenOf(int parent) =>
        from directory in Directory.EnumerateDirectories("/proc")
        let id = int.TryParse(Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0
        where id != 0 && Stat(id)?.Parent == parent
        select id;

    static (char State, int Parent)? Stat(int process)
    {
        try
        {
            // "id (name) state parent …": the name may hold anything.
            var text = File.ReadAllText($"/proc/{process}/stat");
            var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            return (fields[0][0], int.Parse(fields[1], CultureInfo.InvariantCulture));
        }
        catch (IOException)
        {
            return null;
        }
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    static extern int SendSignal(int process, int signal);
}
