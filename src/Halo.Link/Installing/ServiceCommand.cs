namespace Halo.Link.Installing;

/// <summary>The command line of the service, to which an administrator may have added arguments.</summary>
static class ServiceCommand
{
    const string Extension = ".exe";

    /// <summary>The command for a program.</summary>
    public static string Of(string program) => $"\"{program}\" run";

    /// <summary>The program of a command, with or without quotation marks.</summary>
    public static string ProgramOf(string command) => Split(command).Program;

    /// <summary>Whether it runs this program. Windows compares paths without case.</summary>
    public static bool Runs(string? command, string program) =>
        command is not null && string.Equals(ProgramOf(command), program, StringComparison.OrdinalIgnoreCase);

    /// <summary>The same command for another program: arguments stay.</summary>
    public static string WithProgram(string? command, string program) =>
        command is not null && Split(command).Arguments is { Length: > 0 } arguments ? $"\"{program}\" {arguments}" : Of(program);

    static (string Program, string Arguments) Split(string command)
    {
        command = command.Trim();
        if (command.StartsWith('"'))
            return command.IndexOf('"', 1) is > 0 and var end ? (command[1..end], command[(end + 1)..].Trim()) : (command[1..], "");
        // Without quotation marks the path itself may have blanks.
        return command.IndexOf(Extension + " ", StringComparison.OrdinalIgnoreCase) is >= 0 and var at
            ? (command[..(at + Extension.Length)], command[(at + Extension.Length)..].Trim())
            : (command, "");
    }
}
