using System.ComponentModel;
using System.Runtime.CompilerServices;
using Halo.Client.Commands;
using Halo.Contracts.Queries;

namespace Halo.Client;

/// <summary>SQL, or a procedure's name, with its parameters. Immutable.</summary>
/// <remarks>
/// Values may be of the types bool, the whole numbers up to <see cref="Int128"/> and BigInteger, decimal, double, float, string, char, DateTime (UTC or
/// without a kind), DateTimeOffset, DateOnly, TimeOnly, TimeSpan, Guid, byte[], ReadOnlyMemory of bytes, enums (by their number), JsonElement (its text), null,
/// and <see cref="HaloParameter"/>, which names the database's type.
/// </remarks>
public sealed class HaloCommand
{
    HaloCommand(QueryCommand command) => Command = command;

    internal QueryCommand Command { get; }

    /// <summary>Its text as it is sent, with the parameters' names in place of interpolated values.</summary>
    public string CommandText => Command.Text;

    /// <summary>
    /// SQL by interpolation: <c>$"SELECT … WHERE id = {id}"</c>. Each interpolated value becomes a parameter and never text; a list of values becomes one
    /// parameter for each (<c>IN ({ids})</c>), and an interpolated string that is itself a <see cref="FormattableString"/> is put in with its own parameters.
    /// </summary>
    /// <exception cref="ArgumentException">A value has a type that cannot be a parameter, a format, stands between quotes, or is an empty list.</exception>
    public static HaloCommand Sql(FormattableString sql)
    {
        ArgumentNullException.ThrowIfNull(sql);
        return new(SqlInterpolation.ToCommand(sql));
    }

    /// <summary>SQL as it stands. Do not build it from values: those go to <see cref="With(string, object?)"/> under the names that the text has (<c>@id</c>).</summary>
    public static HaloCommand Text(string sql)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(sql);
        return new(new QueryCommand(sql));
    }

    /// <summary>Not to be called: what is interpolated here would be text, and whoever sent it could write SQL. <see cref="Sql"/> makes parameters of it.</summary>
    [Obsolete("Interpolated values would become SQL text here. HaloCommand.Sql($\"…\") makes parameters of them.", error: true)]
    public static HaloCommand Text(InterpolatedText sql) => throw new NotSupportedException();

    /// <summary>A stored procedure, by its name.</summary>
    public static HaloCommand Procedure(string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        return new(new QueryCommand(name) { Type = CommandType.StoredProcedure });
    }

    /// <summary>The same with one more input parameter.</summary>
    public HaloCommand With(string name, object? value) => With(ParameterValues.Of(name, value));

    /// <summary>The same with one more input parameter of a type of the database.</summary>
    public HaloCommand With(string name, object? value, SqlType type) => With(ParameterValues.Of(name, new HaloParameter(value, type)));

    /// <summary>The same with one more parameter as the contract has it: for outputs, sizes and table values.</summary>
    public HaloCommand With(CommandParameter parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        return new(Command with { Parameters = [.. Command.Parameters ?? [], parameter] });
    }

    /// <summary>What the compiler takes an interpolated string for, so that one given as plain text does not compile.</summary>
    [EditorBrowsable(EditorBrowsableState.Never)]
    [InterpolatedStringHandler]
    public struct InterpolatedText
    {
        int _parts;

        /// <summary>Made by the compiler.</summary>
        public InterpolatedText(int literalLength, int formattedCount) => _parts = 0;

        /// <summary>Called by the compiler.</summary>
        public void AppendLiteral(string value) => _parts++;

        /// <summary>Called by the compiler.</summary>
        public void AppendFormatted<T>(T value, int alignment = 0, string? format = null) => _parts++;
    }
}
