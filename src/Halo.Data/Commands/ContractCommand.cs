using System.Data;
using System.Globalization;
using Halo.Contracts.Queries;
using CommandType = System.Data.CommandType;
using ParameterDirection = System.Data.ParameterDirection;

namespace Halo.Data.Commands;

/// <summary>A command of ADO.NET as the contract has it.</summary>
static class ContractCommand
{
    /// <exception cref="InvalidOperationException">It has no text, or parameters that do not fit it.</exception>
    public static QueryCommand Of(string text, CommandType type, HaloDbParameterCollection parameters)
    {
        if (string.IsNullOrWhiteSpace(text))
            throw new InvalidOperationException("The command has no text.");
        var all = parameters.All;
        var names = all.Select(p => "@" + p.ParameterName.TrimStart('@', ':')).ToArray();
        for (var i = 0; i < names.Length; i++)
            if (names[i] == "@" && all[i].Direction == ParameterDirection.ReturnValue)
                names[i] = "@return_value";
        var unnamed = names.Count(n => n == "@");
        if (unnamed > 0)
        {
            if (unnamed < names.Length)
                throw new InvalidOperationException("Some of the command's parameters have a name and others have none: give all of them names, or none.");
            if (type != CommandType.Text)
                throw new InvalidOperationException("The parameters of a procedure need their names.");
            (text, names) = PositionalText.Named(text, all.Count);
        }
        return new(text)
        {
            Type = type == CommandType.StoredProcedure ? Contracts.Queries.CommandType.StoredProcedure : Contracts.Queries.CommandType.Text,
            Parameters = all.Count == 0 ? null : [.. all.Select((p, i) => ParameterTypes.ToContract(p, names[i]))],
        };
    }

    /// <summary>Whether something comes back beside rows, which no stream of rows has.</summary>
    public static bool HasOutputs(HaloDbParameterCollection parameters) => parameters.All.Any(p => p.Direction != ParameterDirection.Input);

    /// <exception cref="ArgumentException">It is none that the service has.</exception>
    public static CommandType Checked(CommandType type) => type is CommandType.Text or CommandType.StoredProcedure
        ? type
        : throw new ArgumentOutOfRangeException(nameof(type), type, "A command is SQL text or a procedure's name; a table is read by SELECT.");

    public static int CheckedTimeout(int seconds) => seconds >= 0
        ? seconds
        : throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"A timeout is a number of seconds from 0, and not {seconds}."), nameof(seconds));
}
