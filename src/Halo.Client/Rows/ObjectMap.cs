using System.Diagnostics.CodeAnalysis;
using System.Linq.Expressions;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Halo.Client.Rows;

/// <summary>Which constructor of a type takes which columns, and which properties are set from others.</summary>
/// <remarks>Names are compared without case and underscores: <c>date_of_birth</c> is <c>DateOfBirth</c>. A tuple takes its columns in order. Columns without a member are left out.</remarks>
sealed class ObjectMap(ConstructorInfo? constructor, List<ObjectMap.Argument> arguments, List<(PropertyInfo Property, int Column)> properties)
{
    const DynamicallyAccessedMemberTypes Needed = DynamicallyAccessedMemberTypes.PublicConstructors | DynamicallyAccessedMemberTypes.PublicProperties;

    /// <param name="Column">-1: the parameter's default.</param>
    public readonly record struct Argument(ParameterInfo Parameter, int Column);

    public static ObjectMap Of([DynamicallyAccessedMembers(Needed)] Type type, string[] columns)
    {
        if (type.IsAbstract || type.IsPrimitive || type.IsArray || type.IsPointer)
            throw new HaloMappingException($"Rows cannot become {type}: take a record, a class with settable properties, a tuple, a dictionary or JsonElement.");
        if (type.IsGenericType && type.IsAssignableTo(typeof(ITuple)))
            return OfTuple(type, columns);
        var names = columns.Select(Plain).ToArray();
        ObjectMap? best = null;
        string? missing = null;
        foreach (var constructor in type.GetConstructors().OrderByDescending(c => c.GetParameters().Length))
        {
            if (best is not null)
                break;
            var arguments = constructor.GetParameters().Select(p => new Argument(p, Array.IndexOf(names, Plain(p.Name ?? "")))).ToList();
            var unfit = arguments.FirstOrDefault(a => a.Column < 0 && !a.Parameter.HasDefaultValue || a.Column >= 0 && !ValueGetters.Knows(a.Parameter.ParameterType));
            if (unfit.Parameter is null)
                best = new(constructor, arguments, []);
            else
                missing ??= unfit.Column < 0
                    ? $"the columns have none for {unfit.Parameter.Name}"
                    : $"no value becomes {unfit.Parameter.Name}, which is {unfit.Parameter.ParameterType.Name}";
        }
        if (best is null && type.IsValueType)
            best = new(null, [], []);
        if (best is null)
            throw new HaloMappingException($"Rows cannot become {type.Name}: {missing ?? "it has no public constructor"}. The columns are {string.Join(", ", columns)}.");
        return best.WithProperties(type, names, columns);
    }

    /// <summary>A function that makes the object; where code cannot be made at run time, one that calls by reflection.</summary>
    public Func<Row, T> Compile<[DynamicallyAccessedMembers(Needed)] T>() => RuntimeFeature.IsDynamicCodeSupported ? Expressed<T>() : Reflected<T>();

    internal Func<Row, T> Reflected<T>()
    {
        var reads = arguments.Select(a => a.Column < 0 ? _ => a.Parameter.DefaultValue : At(a.Parameter.ParameterType, a.Column)).ToArray();
        var sets = properties.Select(p => (p.Property, Read: At(p.Property.PropertyType, p.Column))).ToArray();
        return row =>
        {
            object made;
            if (constructor is null)
                made = default(T)!;
            else
            {
                var values = new object?[reads.Length];
                for (var i = 0; i < reads.Length; i++)
                    values[i] = reads[i](row);
                made = constructor.Invoke(values);
            }
            foreach (var (property, read) in sets)
                property.SetValue(made, read(row));
            return (T)made;
        };
    }

    Func<Row, T> Expressed<[DynamicallyAccessedMembers(Needed)] T>()
    {
        var row = Expression.Parameter(typeof(Row), "row");
        var made = constructor is null
            ? Expression.New(typeof(T))
            : Expression.New(constructor, arguments.Select(a => a.Column < 0 ? Default(a.Parameter) : Read(row, a.Parameter.ParameterType, a.Column)));
        Expression body = properties.Count == 0
            ? made
            : Expression.MemberInit(made, properties.Select(p => Expression.Bind(p.Property, Read(row, p.Property.PropertyType, p.Column))));
        return Expression.Lambda<Func<Row, T>>(body, row).Compile();
    }

    static ObjectMap OfTuple([DynamicallyAccessedMembers(Needed)] Type type, string[] columns)
    {
        var constructor = type.GetConstructors().MaxBy(c => c.GetParameters().Length);
        var parameters = constructor?.GetParameters() ?? [];
        if (parameters.FirstOrDefault(p => !ValueGetters.Knows(p.ParameterType)) is { } unfit)
            throw new HaloMappingException($"Rows cannot become a tuple with {unfit.ParameterType.Name}; tuples have at most seven values here. Take a record.");
        if (parameters.Length != columns.Length)
            throw new HaloMappingException($"A row has {columns.Length} columns ({string.Join(", ", columns)}) and the tuple {parameters.Length} values.");
        return new(constructor, parameters.Select((p, i) => new Argument(p, i)).ToList(), []);
    }

    ObjectMap WithProperties([DynamicallyAccessedMembers(Needed)] Type type, string[] names, string[] columns)
    {
        var taken = arguments.Where(a => a.Column >= 0).Select(a => a.Column).ToHashSet();
        var set = new List<(PropertyInfo, int)>();
        foreach (var property in type.GetProperties())
        {
            if (property.SetMethod is not { IsPublic: true } || property.GetIndexParameters().Length > 0)
                continue;
            var column = Array.IndexOf(names, Plain(property.Name));
            if (column >= 0 && !taken.Contains(column))
                set.Add(ValueGetters.Knows(property.PropertyType)
                    ? (property, column)
                    : throw new HaloMappingException($"Rows cannot become {type.Name}: no value becomes {property.Name}, which is {property.PropertyType.Name}."));
            else if (column < 0 && property.IsDefined(typeof(RequiredMemberAttribute)) && !arguments.Any(a => Plain(a.Parameter.Name ?? "") == Plain(property.Name)))
                throw new HaloMappingException($"Rows cannot become {type.Name}: the columns have none for {property.Name}, which is required. The columns are {string.Join(", ", columns)}.");
        }
        if (arguments.Count == 0 && set.Count == 0)
            throw new HaloMappingException($"Rows cannot become {type.Name}: none of its properties is a column. The columns are {string.Join(", ", columns)}.");
        return new(constructor, arguments, set);
    }

    static Func<Row, object?> At(Type type, int column)
    {
        var read = ValueGetters.Boxed(type);
        return row => read(row, column);
    }

    // Of a value type that is "default" the metadata say null.
    static Expression Default(ParameterInfo parameter) => parameter.DefaultValue is { } value
        ? Expression.Constant(value, parameter.ParameterType)
        : Expression.Default(parameter.ParameterType);

    static Expression Read(ParameterExpression row, Type type, int column) => ValueGetters.Typed(type) is { } typed
        ? Expression.Invoke(Expression.Constant(typed), row, Expression.Constant(column))
        : Expression.Convert(Expression.Invoke(Expression.Constant(ValueGetters.Boxed(type)), row, Expression.Constant(column)), type);

    static string Plain(string name) => name.Replace("_", "", StringComparison.Ordinal).ToUpperInvariant();
}
