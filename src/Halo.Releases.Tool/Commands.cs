using System.CommandLine;
using System.Security.Cryptography;

namespace Halo.Releases.Tool;

/// <summary>What all commands share.</summary>
static class Commands
{
    const int Done = 0, Failed = 1;

    public static Option<string> Required(string name, string description) => new(name) { Description = description, Required = true };

    /// <summary>Faults are told in one line.</summary>
    public static Command Does(this Command command, Action<ParseResult> action)
    {
        command.SetAction(parsed =>
        {
            try
            {
                action(parsed);
                return Done;
            }
            catch (Exception e) when (e is ReleaseRefusedException or IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
            {
                Console.Error.WriteLine(e.Message);
                return Failed;
            }
        });
        return command;
    }
}
