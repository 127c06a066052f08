using System.Text.Json;
using System.Text.Json.Serialization;
using Halo.Contracts.Json;

namespace Halo.Contracts.Queries;

/// <summary>What the database is to do: SQL text or a procedure's name, how it is run, and its parameters.</summary>
/// <param name="Text">SQL, or the name of a procedure; at most 1 MiB of UTF-8, not blank.</param>
public sealed record QueryCommand(string Text)
{
    /// <summary>What is wanted back. Default: rows.</summary>
    public ExecutionMode ExecutionMode { get; init; } = ExecutionMode.Reader;

    /// <summary>What <c>text</c> is. Default: SQL text.</summary>
    public CommandType Type { get; init; } = CommandType.Text;

    /// <summary>Parameters, in the caller's order, each name once; none when null.</summary>
    public IReadOnlyList<CommandParameter>? Parameters { get; init; }

    /// <summary>
    /// In place of <c>parameters</c>, and of a request with one <c>command</c> alone: 1 to 1000 lists of parameters. The command runs once with each, in order, in
    /// one transaction, all or nothing; the answer has <c>results</c> in their order.
    /// </summary>
    public IReadOnlyList<IReadOnlyList<CommandParameter>>? ParameterSets { get; init; }

    /// <summary>
    /// Execution limit in milliseconds, from 1 to the mode's own limit (60000 immediate, 300000 async, both settings); when null the site's setting.
    /// Over it: 504, code <c>ExecutionTimeout</c>.
    /// </summary>
    public int? Timeout { get; init; }
}

/// <summary>What is wanted back from a command.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<ExecutionMode>))]
public enum ExecutionMode
{
    /// <summary>Rows.</summary>
    Reader,

    /// <summary>The number of rows affected.</summary>
    NonQuery,

    /// <summary>The first value of the first row, as one row with one column.</summary>
    Scalar,
}

/// <summary>What a command's text is.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<CommandType>))]
public enum CommandType
{
    /// <summary>SQL.</summary>
    Text,

    /// <summary>The name of a stored procedure.</summary>
    StoredProcedure,
}

/// <summary>One parameter of a command.</summary>
/// <param name="Name">With or without a leading <c>@</c>; required. Case does not matter.</param>
public sealed record CommandParameter(string Name)
{
    /// <summary>Which way the value travels. Default: input. SQLite has inputs alone, PostgreSQL outputs of procedures and no return value: else 400.</summary>
    public ParameterDirection Direction { get; init; } = ParameterDirection.Input;

    /// <summary>The type; null: the database infers it. One that the engine does not have: 400, <c>InvalidParameter</c>.</summary>
    public SqlType? Type { get; init; }

    /// <summary>Name of the table or user-defined type, for <c>Structured</c> and <c>Udt</c>; SQL Server alone.</summary>
    public string? TypeName { get; init; }

    /// <summary>Total digits of a decimal output, 1 to 38; the driver's default when null. It never rounds an input.</summary>
    public byte? Precision { get; init; }

    /// <summary>Digits after the point of a decimal output, 0 to <c>precision</c>; the driver's default when null. It never rounds an input.</summary>
    public byte? Scale { get; init; }

    /// <summary>Bytes of an output parameter, from 0; -1 is the maximum; by the type when null. It never shortens an input.</summary>
    public int? Size { get; init; }

    /// <summary>
    /// A string in invariant culture (dates ISO 8601, binary in base64), a JSON number or boolean, for <c>Structured</c> an array of row objects;
    /// null, and absent, is NULL. What does not fit the type whole: 400, <c>InvalidParameter</c>; nothing is rounded off or guessed.
    /// </summary>
    [JsonConverter(typeof(RawJsonConverter))]
    public JsonElement? Value { get; init; }
}

/// <summary>Which way a parameter's value travels.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<ParameterDirection>))]
public enum ParameterDirection
{
    /// <summary>To the database.</summary>
    Input,

    /// <summary>From the database.</summary>
    Output,

    /// <summary>Both ways.</summary>
    InputOutput,

    /// <summary>The procedure's return value.</summary>
    ReturnValue,
}

/// <summary>Parameter and column types, by SQL Server's names as the contract has them; each engine maps those that have a meaning there.</summary>
[JsonConverter(typeof(NamedEnumConverter<SqlType>))]
public enum SqlType
{
#pragma warning disable CS1591 // the names are SQL Server's own
    BigInt,
    Binary,
    Bit,
    Char,
    String,
    Date,
    DateTime,
    DateTime2,
    DateTimeOffset,
    Decimal,
    Float,
    Image,
    Int,
    Money,
    NChar,
    NText,
    NVarChar,
    Real,
    SmallDateTime,
    SmallInt,
    SmallMoney,
    Structured,
    Text,
    Time,
    Timestamp,
    TinyInt,
    Udt,
    UniqueIdentifier,
    VarBinary,
    VarChar,
    Variant,
    Xml,
#pragma warning restore CS1591
}
